throw new Error('the module fails\nin two lines');
